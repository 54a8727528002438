"""Preparing a model on its author's own machine, before it is registered; needs TensorFlow.

`python -m model_admin.authoring.init` drafts a manifest, `python -m model_admin.authoring.check`
validates an archive. Both print JSON; `imgclass models` shows it readably.
"""
