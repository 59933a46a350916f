"""Labs for the tests of your application: the pytest plugin, and what it is made of."""
