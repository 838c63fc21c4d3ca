output "platform" {
  description = "What workflows and clusters are to be told: each output of modules/platform under its name."
  value       = module.platform
}
