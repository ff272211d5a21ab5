"""What goes over HTTP: bodies of requests and answers, with examples for the OpenAPI document."""
