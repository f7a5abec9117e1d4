"""Colours by meaning, of reports and dashboards alike: at least 3:1 on the light and the dark background of both."""

BLUE = "#4791ff"
VERMILION = "#d55e00"
GREY = "#7a7a7a"
VIOLET = "#8533ff"

SENTIMENTS = {"positive": BLUE, "neutral": GREY, "negative": VERMILION, "mixed": VIOLET}
ARRIVED, LOST, PUT_ASIDE, WAITING = BLUE, VERMILION, GREY, VIOLET
