/* Registers of PCI configuration space that io looks at. [PCI] [PCIE] [PCIB] [PCIPM] */
#pragma once

#define PCI_CONFIG_SIZE 4096u
#define PCI_HEADER_END 0x40u  /* capabilities lie behind */
#define PCI_LEGACY_END 0x100u /* extended capabilities lie behind */

#define PCI_ID 0x00u
#define PCI_COMMAND 0x04u
#define PCI_COMMAND_IO 0x0001u
#define PCI_COMMAND_MEMORY 0x0002u
#define PCI_COMMAND_MASTER 0x0004u
#define PCI_COMMAND_INTX_OFF 0x0400u
#define PCI_STATUS 0x06u
#define PCI_STATUS_HAS_LIST 0x0010u
#define PCI_STATUS_ERRORS 0xf900u /* cleared by writing 1 */
#define PCI_CLASS 0x08u           /* revision in the low byte */
#define PCI_CACHE_LINE 0x0cu      /* then latency, header type, BIST */
#define PCI_HEADER_TYPE 0x0eu
#define PCI_HEADER_IS_MULTI 0x80u
#define PCI_BAR 0x10u
#define PCI_BAR_IS_IO 0x1u
#define PCI_BAR_TYPE 0x6u
#define PCI_BAR_TYPE_64 0x4u
#define PCI_BAR_IS_PREFETCHABLE 0x8u
#define PCI_BAR_FLAGS 0xfu
#define PCI_CARDBUS 0x28u
#define PCI_SUBSYSTEM 0x2cu
#define PCI_ROM 0x30u
#define PCI_LIST 0x34u
#define PCI_LINE 0x3cu /* then pin, and two that mean nothing any more */
#define PCI_PIN 0x3du

/* Header type 1: a bridge. */
#define PCI_BUSES 0x18u /* primary, secondary, subordinate, latency */
#define PCI_BRIDGE_IO 0x1cu
#define PCI_BRIDGE_LOW 0x20u  /* base, limit in MiB */
#define PCI_BRIDGE_HIGH 0x24u /* the prefetchable window */
#define PCI_BRIDGE_HIGH_BASE 0x28u
#define PCI_BRIDGE_HIGH_LIMIT 0x2cu
#define PCI_BRIDGE_IO_UPPER 0x30u
#define PCI_BRIDGE_ROM 0x38u

enum pci_cap_id {
	PCI_CAP_PM = 0x01,
	PCI_CAP_MSI = 0x05,
	PCI_CAP_VENDOR = 0x09,
	PCI_CAP_EXPRESS = 0x10,
	PCI_CAP_MSIX = 0x11,
	PCI_CAP_AF = 0x13,
};

#define PCI_PM_CONTROL 4u
#define PCI_PM_STATE 0x0003u
#define PCI_PM_D3 0x0003u
#define PCI_PM_KEEPS_STATE 0x0008u /* No_Soft_Reset */
#define PCI_PM_EVENT 0x8000u       /* PME_Status, cleared by writing 1 */

#define PCI_EXP_FLAGS 2u
#define PCI_EXP_TYPE(flags) (((flags) >> 4) & 0xfu)
#define PCI_EXP_ROOT_PORT 4u
#define PCI_EXP_DOWNSTREAM 6u
#define PCI_EXP_TO_PCI 7u
#define PCI_EXP_DEVICE 4u /* capabilities */
#define PCI_EXP_DEVICE_HAS_FLR 0x10000000u
#define PCI_EXP_CONTROL 8u
#define PCI_EXP_CONTROL_FLR 0x8000u
#define PCI_EXP_STATUS 10u
#define PCI_EXP_STATUS_PENDING 0x0020u

#define PCI_AF_CAPS 3u
#define PCI_AF_HAS_FLR 0x02u
#define PCI_AF_CONTROL 4u
#define PCI_AF_STATUS 5u

enum pci_ext_id {
	PCI_EXT_SERIAL = 0x0003,
	PCI_EXT_ACS = 0x000d,
};

#define PCI_ACS_CAPS 4u
#define PCI_ACS_CONTROL 6u
#define PCI_ACS_APART 0x001du /* source validation, request and completion redirect, upstream forwarding */
#define PCI_ACS_REDIRECTS 0x000cu

#define VIRTIO_VENDOR 0x1af4u
#define VIRTIO_CAP_TYPE 3u    /* [VIRTIO struct virtio_pci_cap] */
#define VIRTIO_CAP_PCI_CFG 5u /* reaches the function's own BARs */
#define VIRTIO_CAP_PCI_CFG_SIZE 20u
