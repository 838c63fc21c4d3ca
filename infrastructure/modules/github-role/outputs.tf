output "arn" {
  description = "ARN of the role, which a workflow takes as role-to-assume."
  value       = aws_iam_role.this.arn
}
