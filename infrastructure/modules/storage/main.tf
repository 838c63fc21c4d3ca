# Models, and the images and answers that the service captures, each in a bucket of its own under one key.
resource "aws_kms_key" "this" {
  #checkov:skip=CKV2_AWS_64:AWS's default policy is meant: the policies of the account's roles say who uses it

  description             = "Models and captures of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = var.disposable ? 7 : 30
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-storage"
  target_key_id = aws_kms_key.this.key_id
}

module "models" {
  source = "../bucket"

  name        = "${var.name}-models-${var.account_id}"
  kms_key_arn = aws_kms_key.this.arn
  disposable  = var.disposable
}

module "data" {
  source = "../bucket"

  name        = "${var.name}-data-${var.account_id}"
  kms_key_arn = aws_kms_key.this.arn
  disposable  = var.disposable
  expire_days = { "captures/" = var.capture_days }
}
