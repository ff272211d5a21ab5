"""Draws three-dimensional scenes with numpy and OpenCV, fast enough for minutes of video."""
