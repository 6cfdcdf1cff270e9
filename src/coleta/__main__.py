"""The door `python -m coleta`: the same program as the command `coleta`, from wherever the checkout lies."""

from coleta.start import main

if __name__ == "__main__":
    main()
