# The API, by one name for all machines. Not for the internet.
resource "aws_security_group" "api" {
  name        = "${var.name}-api"
  description = "Load balancer of the Kubernetes API"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-api" }
}

resource "aws_vpc_security_group_ingress_rule" "api_from_nodes" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  security_group_id            = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = 6443
  to_port                      = 6443
  referenced_security_group_id = var.security_group_id

  tags = { Name = "Kubernetes API from the cluster" }
}

resource "aws_vpc_security_group_egress_rule" "api_to_nodes" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  security_group_id            = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = 6443
  to_port                      = 6443
  referenced_security_group_id = var.security_group_id

  tags = { Name = "Kubernetes API on the control plane" }
}

resource "aws_vpc_security_group_ingress_rule" "nodes_from_api" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  security_group_id            = var.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 6443
  to_port                      = 6443
  referenced_security_group_id = aws_security_group.api.id

  tags = { Name = "Kubernetes API from its load balancer" }
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_api" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  security_group_id            = var.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 6443
  to_port                      = 6443
  referenced_security_group_id = aws_security_group.api.id

  tags = { Name = "Kubernetes API by its load balancer" }
}

resource "aws_lb" "api" {
  #checkov:skip=CKV_AWS_91:It passes TLS on unread and knows no requests: kube-apiserver does
  #checkov:skip=CKV_AWS_150:production has it: what is not disposable

  name                             = "${var.name}-api"
  internal                         = true
  load_balancer_type               = "network"
  subnets                          = var.subnet_ids
  security_groups                  = [aws_security_group.api.id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = !var.disposable
}

resource "aws_lb_target_group" "api" {
  name                 = "${var.name}-api"
  vpc_id               = var.vpc_id
  port                 = 6443
  protocol             = "TCP"
  deregistration_delay = 30
  # With the addresses of clients kept, a control plane cannot reach itself by the load balancer.
  preserve_client_ip = "false"

  health_check {
    protocol            = "HTTPS"
    path                = "/readyz"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "api" {
  load_balancer_arn = aws_lb.api.arn
  port              = 6443
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}

resource "aws_lb_target_group_attachment" "api" {
  for_each = aws_instance.control_plane

  target_group_arn = aws_lb_target_group.api.arn
  target_id        = each.value.id
}
