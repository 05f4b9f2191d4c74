"""The engine without a screen: for ssh, cron and CI.

stdout is data, stderr is narration. Exit codes: 0 done (for validate: no
errors); 1 the answer is no (findings, a failed or cancelled run, a refused
decision); 2 wrong usage; 3 something named is not there or cannot be used.
"""
