locals {
  models   = "${module.models.arn}/models/*"
  captures = "${module.data.arn}/captures/*"

  read_models = {
    Sid      = "ReadModels"
    Effect   = "Allow"
    Action   = ["s3:GetObject"]
    Resource = [local.models]
  }
  write_models = {
    Sid      = "WriteModels"
    Effect   = "Allow"
    Action   = ["s3:GetObject", "s3:PutObject"]
    Resource = [local.models]
  }
  use_key = {
    Sid      = "UseKey"
    Effect   = "Allow"
    Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource = [aws_kms_key.this.arn]
  }
}

output "models_uri" {
  description = "Where models go: the workflows' MODEL_PREFIX; MODEL_URI is NAME/VERSION/ below it."
  value       = "s3://${module.models.name}/models"
}

output "captures_uri" {
  description = "Where captures go: the service's CAPTURE_TO, and CAPTURE_URI of the workflow retrain."
  value       = "s3://${module.data.name}/captures"
}

output "kms_key_arn" {
  description = "ARN of the key that both buckets are encrypted with."
  value       = aws_kms_key.this.arn
}

output "service_policy" {
  description = "JSON of the service's own policy (ServiceAccount cv-inference): reads models, writes captures and looks its own up for feedback."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [local.read_models, {
      Sid      = "WriteCaptures"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = [local.captures]
    }, local.use_key]
  })
}

output "release_policy" {
  description = "JSON of the policy of whoever releases models: writes versions, and deletes none."
  value = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.write_models, local.use_key]
  })
}

output "training_policy" {
  description = "JSON of the policy of training: reads captures, writes models."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [local.write_models, {
      Sid      = "ReadCaptures"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = [local.captures]
      }, {
      Sid       = "ListCaptures"
      Effect    = "Allow"
      Action    = ["s3:ListBucket"]
      Resource  = [module.data.arn]
      Condition = { StringLike = { "s3:prefix" = ["captures/*"] } }
    }, local.use_key]
  })
}
