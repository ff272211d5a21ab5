"""What a camera costs: the patrol and its peers on the same RTSP streams, CPU by stage."""
