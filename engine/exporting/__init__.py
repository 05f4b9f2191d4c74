"""The runs of a workspace as tables for analysis: Parquet, a DuckDB database, or CSV.

A projection like every screen: the folders stay the truth, an export is made anew and never edited.
"""
