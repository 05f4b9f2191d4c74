"""Who proposes a try: a person, a command, a teacher."""
