"""Packages of shipped specialists: a decided run → ``specialists/<id>/``, checked, exported.

``making`` writes one, ``checking`` holds it against its records and asks it something, ``export``
makes a model directory or a GGUF file of it. The rest is what goes in: ``gathered`` reads the run
once, ``locking``, ``numbers_json``, ``card`` and ``prompt`` turn that into files.
"""
