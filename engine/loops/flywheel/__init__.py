"""The flywheel: plan, train, judge, promote, augment, commit, again and again."""
