"""The static site of public artifacts: from the workspace's files to pages, feed and manifest."""
