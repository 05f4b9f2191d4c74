"""The screen: a projection of a workspace. Holds nothing that the folders do not hold."""
