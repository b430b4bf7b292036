"""The parts of `stages.predict`: a run that answers about windows, a video as a stream of answers.

video ──windows──▶ segmenter ──answers──▶ results: masks, overlay, contact sheet, scores
"""
