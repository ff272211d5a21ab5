"""`python -m skygrid` is the command `skygrid`."""

from skygrid.cli import main

if __name__ == "__main__":
    main()
