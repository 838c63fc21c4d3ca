output "state_bucket" {
  description = "Name of the bucket of all states."
  value       = module.state.name
}

output "plan_role_arn" {
  description = "ARN of the role that plans."
  value       = module.plan.arn
}

output "apply_role_arn" {
  description = "ARN of the role that applies."
  value       = module.apply.arn
}

output "github_provider_arn" {
  description = "ARN of the OIDC provider that GitHub's tokens are checked by."
  value       = aws_iam_openid_connect_provider.github.arn
}

output "permissions_boundary_arn" {
  description = "ARN of the policy that bounds every role that the apply role makes."
  value       = aws_iam_policy.boundary.arn
}
