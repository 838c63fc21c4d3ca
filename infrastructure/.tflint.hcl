# Every rule of the language. Those of AWS are another program, from a registry of their own; what they look for Checkov
# does as well.
plugin "terraform" {
  enabled = true
  preset  = "all"
}
