"""A research campaign: propose, check against the rules, measure, judge, keep or discard."""
