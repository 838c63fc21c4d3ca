output "arn" {
  description = "ARN of the role, which a workflow takes as role-to-assume."
  value       = aws_iam_role.this.arn
}

output "subjects" {
  description = "The jobs that take the role, as GitHub's tokens name them."
  value       = one(jsondecode(aws_iam_role.this.assume_role_policy).Statement).Condition.StringLike["token.actions.githubusercontent.com:sub"]
}

output "policies" {
  description = "What the role may do: JSON of policies, by name."
  value       = { for name, one in aws_iam_role_policy.this : name => one.policy }
}

output "managed_policy_arns" {
  description = "Policies of AWS's own that the role has too."
  value       = [for one in aws_iam_role_policy_attachment.this : one.policy_arn]
}

output "permissions_boundary_arn" {
  description = "ARN of the policy that bounds what the role may ever do, if there is one."
  value       = aws_iam_role.this.permissions_boundary
}
