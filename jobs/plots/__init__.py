"""The plots that the report, validation and trainings share. They know of none of these.

style.py is how all look; overlay.py draws curves of several samples over one another, displays.py single
showers beside each other, face.py a whole event, learning_curve.py a training.
"""
