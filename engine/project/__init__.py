"""What is done with a target's folder between its runs: look, write rows, audit, promote, push."""
