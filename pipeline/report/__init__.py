"""What one run came to, for people.

facts.py   everything that is shown, once: for the page, the terminal and JSON
bins.py    time in a few bins                     topics.py   topics with what verbatims say of them
page.py    the facts as one HTML file             words.py, words.yaml   its words in English and French
charts.py  what is drawn                          drawing.py  a chart as SVG      page.html, page.css   its look
files.py   where reports lie, and which of them go with the words of a verbatim
"""
