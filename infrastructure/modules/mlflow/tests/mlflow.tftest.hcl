mock_provider "aws" {
  mock_resource "aws_db_instance" {
    defaults = {
      address            = "cv-inference-dev-mlflow.abc.eu-central-1.rds.amazonaws.com"
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-one", secret_status = "active", kms_key_id = "one" }]
    }
  }
}

# What it promises by itself is tested in its own folder.
override_module {
  target = module.artifacts
  outputs = {
    name = "cv-inference-dev-mlflow-123456789012"
    arn  = "arn:aws:s3:::files"
  }
}

variables {
  name              = "cv-inference-dev"
  account_id        = "123456789012"
  subnet_ids        = ["subnet-1", "subnet-2"]
  security_group_id = "sg-1"
}

run "the_database_is_private_and_encrypted" {
  command = plan

  assert {
    condition     = aws_db_instance.this.publicly_accessible == false && aws_db_instance.this.vpc_security_group_ids == toset(["sg-1"])
    error_message = "The database is reached from elsewhere."
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted
    error_message = "The database is not encrypted."
  }
}

run "nobody_knows_its_password_in_advance" {
  command = plan

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "The password is not RDS's own."
  }
}

run "it_cannot_be_lost_by_mistake" {
  command = plan

  assert {
    condition = (
      aws_db_instance.this.deletion_protection && aws_db_instance.this.skip_final_snapshot == false &&
      aws_db_instance.this.final_snapshot_identifier == "cv-inference-dev-mlflow-final"
    )
    error_message = "Destroy deletes the database without a snapshot."
  }

  assert {
    condition     = aws_db_instance.this.backup_retention_period == 7
    error_message = "Backups are kept for other than 7 days."
  }
}

run "a_disposable_one_can_be_destroyed" {
  command = plan

  variables {
    disposable = true
  }

  assert {
    condition     = !aws_db_instance.this.deletion_protection && aws_db_instance.this.skip_final_snapshot
    error_message = "The database cannot be destroyed."
  }
}

run "its_log_is_kept_and_expires" {
  command = plan

  assert {
    condition = (
      aws_db_instance.this.enabled_cloudwatch_logs_exports == toset(["postgresql"]) &&
      aws_cloudwatch_log_group.database.name == "/aws/rds/instance/cv-inference-dev-mlflow/postgresql" &&
      aws_cloudwatch_log_group.database.retention_in_days == 30
    )
    error_message = "The log goes elsewhere, or stays for other than 30 days."
  }
}

run "the_server_keeps_its_files_and_nothing_else" {
  assert {
    condition = { for statement in jsondecode(output.server_policy).Statement : statement.Sid => [statement.Action, statement.Resource] } == {
      KeepFiles = [["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::files/mlflow/*"]]
      ListFiles = [["s3:ListBucket"], ["arn:aws:s3:::files"]]
    }
    error_message = "The server may do something else."
  }
}

run "addresses_are_those_of_the_settings" {
  assert {
    condition     = output.backend_store_uri == "postgresql+psycopg2://mlflow@cv-inference-dev-mlflow.abc.eu-central-1.rds.amazonaws.com/mlflow?sslmode=require"
    error_message = "backend_store_uri is ${output.backend_store_uri}."
  }

  assert {
    condition     = output.artifacts_uri == "s3://cv-inference-dev-mlflow-123456789012/mlflow"
    error_message = "artifacts_uri is ${output.artifacts_uri}."
  }
}

run "refuses_a_single_subnet" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}

run "refuses_a_size_of_ec2" {
  command = plan

  variables {
    instance_class = "t4g.micro"
  }

  expect_failures = [var.instance_class]
}

run "refuses_to_keep_no_backups" {
  command = plan

  variables {
    backup_days = 0
  }

  expect_failures = [var.backup_days]
}

run "refuses_to_shrink" {
  command = plan

  variables {
    max_storage_gb = 10
  }

  expect_failures = [var.max_storage_gb]
}

run "refuses_wrong_names_and_ids" {
  command = plan

  variables {
    name              = "-"
    account_id        = "12345"
    security_group_id = "database"
  }

  expect_failures = [var.name, var.account_id, var.security_group_id]
}
