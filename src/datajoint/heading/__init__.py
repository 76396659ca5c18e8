"""What tables and expressions are made of: names, types, attributes, headings."""
