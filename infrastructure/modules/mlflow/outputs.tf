output "backend_store_uri" {
  description = "Where runs and the registry are: MLFLOW_BACKEND_STORE_URI, without the password, which is PGPASSWORD."
  value       = "postgresql+psycopg2://${aws_db_instance.this.username}@${aws_db_instance.this.address}/${aws_db_instance.this.db_name}?sslmode=require"
}

output "artifacts_uri" {
  description = "Where files go: MLFLOW_ARTIFACTS_DESTINATION."
  value       = "s3://${module.artifacts.name}/mlflow"
}

output "secret_arn" {
  description = "ARN of the secret with username and password, which RDS rotates."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "server_policy" {
  description = "JSON of the policy of MLflow's server (ServiceAccount cv-inference-mlflow): its files alone."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "KeepFiles"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = ["${module.artifacts.arn}/mlflow/*"]
      },
      {
        Sid       = "ListFiles"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [module.artifacts.arn]
        Condition = { StringLike = { "s3:prefix" = ["mlflow", "mlflow/*"] } }
      },
    ]
  })
}
