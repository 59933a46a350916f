"""What pages are made of: tables, drawings, JUnit's XML; pure."""
