"""Attribution: saliency maps of nets, compared and evaluated."""
