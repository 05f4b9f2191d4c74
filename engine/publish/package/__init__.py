"""Packages of shipped specialists: a decided run → ``specialists/<id>/``, checked, exported.

``making`` writes a package, ``checking`` holds it against its records, ``loading`` has it answer,
``export`` makes one model of it. ``gathered`` reads the run once; ``locking``, ``numbers_json``,
``card``, ``example`` with ``prompt``, and ``public_report`` turn that into the files. ``there`` is
a package as it lies on disk, ``model_files`` what the files of a model are.
"""
