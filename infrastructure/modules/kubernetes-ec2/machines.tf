# etcd keeps its data on their own disks: none is replaced for another image or other roles (infrastructure/ansible/README.md).
resource "aws_instance" "control_plane" {
  #checkov:skip=CKV_AWS_126:The cluster is watched by its own Prometheus; minutes of EC2's are paid for

  for_each = { for index in range(var.control_plane_count) : tostring(index) => var.subnet_ids[index % length(var.subnet_ids)] }

  ami                         = var.image_id
  instance_type               = var.control_plane_type
  subnet_id                   = each.value
  vpc_security_group_ids      = [var.security_group_id]
  associate_public_ip_address = false
  iam_instance_profile        = aws_iam_instance_profile.this["control-plane"].name
  user_data_base64            = local.user_data[each.key == "0" ? "first" : "further"]
  disable_api_termination     = !var.disposable
  ebs_optimized               = true

  # One hop: a pod gets no credentials of its machine.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
    volume_size = 30
  }

  tags = { Name = "${var.name}-control-plane-${each.key}" }

  lifecycle {
    ignore_changes = [ami, user_data_base64]
  }

  depends_on = [aws_iam_role_policy.join, aws_iam_role_policy.session_manager]
}

resource "aws_launch_template" "worker" {
  name                   = "${var.name}-worker"
  image_id               = var.image_id
  instance_type          = var.worker_type
  user_data              = local.user_data.worker
  update_default_version = true
  ebs_optimized          = true

  iam_instance_profile {
    name = aws_iam_instance_profile.this["worker"].name
  }

  network_interfaces {
    associate_public_ip_address = false
    security_groups             = [var.security_group_id]
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Where Debian's images have their root.
  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      encrypted             = true
      volume_type           = "gp3"
      volume_size           = 50
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["network-interface", "volume"])

    content {
      resource_type = tag_specifications.key
      tags          = merge(data.aws_default_tags.this.tags, { Name = "${var.name}-worker" })
    }
  }

  depends_on = [aws_iam_role_policy.join, aws_iam_role_policy.session_manager]
}

# A change of the template replaces one worker after the other; kubelet gives pods the time to end.
resource "aws_autoscaling_group" "workers" {
  name                = "${var.name}-workers"
  min_size            = var.worker_count.min
  max_size            = var.worker_count.max
  vpc_zone_identifier = var.subnet_ids

  launch_template {
    id      = aws_launch_template.worker.id
    version = aws_launch_template.worker.latest_version
  }

  instance_refresh {
    strategy = "Rolling"

    # A new worker before an old one goes.
    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 110
      instance_warmup        = 300
    }
  }

  dynamic "tag" {
    for_each = merge(data.aws_default_tags.this.tags, { Name = "${var.name}-worker" })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  depends_on = [aws_lb_listener.api, aws_lb_target_group_attachment.api]
}
