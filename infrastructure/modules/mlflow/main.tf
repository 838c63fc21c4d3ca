# What MLflow's server keeps: runs and the registry in PostgreSQL, files in a bucket. The server itself is k8s/components/mlflow.
resource "aws_db_subnet_group" "this" {
  name       = "${var.name}-mlflow"
  subnet_ids = var.subnet_ids
}

resource "aws_cloudwatch_log_group" "database" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts it by itself; who reads logs could use the key as well
  #checkov:skip=CKV_AWS_338:A month is enough to look into what went wrong

  name              = "/aws/rds/instance/${var.name}-mlflow/postgresql"
  retention_in_days = 30
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_157:production has it: multi_az
  #checkov:skip=CKV_AWS_293:production has it: what is not disposable
  #checkov:skip=CKV_AWS_161:MLflow's server connects by a password, which RDS changes every seven days
  #checkov:skip=CKV_AWS_118:A registry with a few queries a minute: its log and the metrics of RDS are enough
  #checkov:skip=CKV_AWS_353:A registry with a few queries a minute: its log and the metrics of RDS are enough
  #checkov:skip=CKV2_AWS_30:Errors are logged; queries would add parameters of runs to the log

  identifier     = "${var.name}-mlflow"
  engine         = "postgres"
  engine_version = "17"
  instance_class = var.instance_class
  db_name        = "mlflow"

  allocated_storage     = 20
  max_allocated_storage = var.max_storage_gb
  storage_type          = "gp3"
  storage_encrypted     = true

  # RDS makes the password, keeps it in Secrets Manager and changes it every seven days: it is in no state.
  username                    = "mlflow"
  manage_master_user_password = true

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [var.security_group_id]
  publicly_accessible    = false
  multi_az               = var.multi_az

  auto_minor_version_upgrade      = true
  backup_retention_period         = var.backup_days
  copy_tags_to_snapshot           = true
  deletion_protection             = !var.disposable
  skip_final_snapshot             = var.disposable
  final_snapshot_identifier       = var.disposable ? null : "${var.name}-mlflow-final"
  enabled_cloudwatch_logs_exports = ["postgresql"]

  depends_on = [aws_cloudwatch_log_group.database]
}

module "artifacts" {
  source = "../bucket"

  name       = "${var.name}-mlflow-${var.account_id}"
  disposable = var.disposable
}
