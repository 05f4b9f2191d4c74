"""Training on more than one machine: which hosts, how they are reached, how they are launched."""
