include $(sort $(wildcard $(BR2_EXTERNAL_MEMWARDEN_PATH)/package/*/*.mk))
