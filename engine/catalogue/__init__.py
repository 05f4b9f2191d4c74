"""Many runs: one row each, filtered, tagged, thrown away, and who follows whom."""
