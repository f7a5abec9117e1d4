"""Prints `.env.example` from the settings: `python tests/env_example.py > .env.example`."""

from pipeline.env_example import render

if __name__ == "__main__":
    print(render(), end="")
