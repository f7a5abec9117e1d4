"""Colours by meaning. Each has a contrast of at least 3:1 on white and on the dark background of the page."""

BLUE = "#3b82c4"
ORANGE = "#c8601a"
GREY = "#808080"
PURPLE = "#9a5fb5"

SENTIMENTS = {"positive": BLUE, "neutral": GREY, "negative": ORANGE, "mixed": PURPLE}
ARRIVED, LOST, PUT_ASIDE, WAITING = BLUE, ORANGE, GREY, PURPLE
