"""The scored answers of a run: read when wanted, tagged by people, written out."""
