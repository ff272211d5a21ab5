"""Training of the density network: crowds with head points in, a weight directory out."""
