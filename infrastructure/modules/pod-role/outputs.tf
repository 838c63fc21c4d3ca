output "arn" {
  description = "ARN of the role, once the pods can take it."
  value       = aws_iam_role.this.arn

  depends_on = [aws_eks_pod_identity_association.this]
}
