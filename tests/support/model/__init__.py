"""Beside the way of the data: what the registry does, in plain Python, written from the API's
description and the documents alone, so that a fault of the application is none of the model's.

Read it in this order: `carrier` (what a carrier is, and what a command makes of it), `themes` (the
commands, a module a theme), `registry` (all carriers and the policy: who may send what, once),
`questions` (what can be asked, and what the answer has to be), `choices` and `walk` (random
commands to the model and to the application, and the questions in between).

A new command is one function that yields `Step`s and one that makes bodies, named together as a
`Model` in `COMMANDS` of a module in `themes`; a new module is named in `themes/__init__.py`. Until
then `tests/soak/test_model.py` fails with the command's name. What it makes a carrier remember is a
field of `Carrier`; what can be asked of it anew is a question.
"""
