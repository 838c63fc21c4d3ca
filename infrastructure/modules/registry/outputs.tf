locals {
  # AWS knows this permission for all registries alone.
  log_in = {
    Sid      = "LogIn"
    Effect   = "Allow"
    Action   = ["ecr:GetAuthorizationToken"]
    Resource = ["*"]
  }
  pull = [
    "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer",
  ]
  push = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]
}

output "url" {
  description = "Where images go: the workflows' ECR_REPOSITORY."
  value       = aws_ecr_repository.this.repository_url
}

output "arn" {
  description = "ARN of the repository."
  value       = aws_ecr_repository.this.arn
}

output "pull_policy" {
  description = "JSON of the policy of whoever pulls images: the nodes of a cluster."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [local.log_in, {
      Sid      = "Pull"
      Effect   = "Allow"
      Action   = local.pull
      Resource = [aws_ecr_repository.this.arn]
    }]
  })
}

output "push_policy" {
  description = "JSON of the policy of whoever releases images: pushes, signs, verifies, and deletes none."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [local.log_in, {
      Sid      = "PullAndPush"
      Effect   = "Allow"
      Action   = concat(local.pull, local.push)
      Resource = [aws_ecr_repository.this.arn]
    }]
  })
}
