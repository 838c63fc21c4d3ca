output "arn" {
  description = "ARN of the role, once the pods can take it."
  value       = aws_iam_role.this.arn

  depends_on = [aws_eks_pod_identity_association.this]
}

output "pods" {
  description = "Whose pods take the role, as NAMESPACE/SERVICE_ACCOUNT."
  value       = [for one in aws_eks_pod_identity_association.this : "${one.namespace}/${one.service_account}"]
}

output "policies" {
  description = "What the pods may do: JSON of policies, by name."
  value       = { for name, one in aws_iam_role_policy.this : name => one.policy }
}
