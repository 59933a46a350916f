"""A package, since what a fixture of `scope="package"` makes lives as long as a worker stays in one."""
