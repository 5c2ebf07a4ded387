/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest's ACPI says of its devices (hv/dev/acpi.h): the PCI bus with the virtio card's
 * interrupt, and the serial port. Numbers are those of hv/vm/build.c and hv/dev/vuart.h; the unit
 * test compares them.
 */
DefinitionBlock ("", "DSDT", 2, "POLLUX", "POLLUXVM", 1)
{
	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A03"))
			Name (_UID, 0)
			Name (_CRS, ResourceTemplate ()
			{
				WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0, 0, 1)
				IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0x1000, 0xFFFF, 0, 0xF000)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
					0, 0xE0000000, 0xFEBFFFFF, 0, 0x1EC00000)
			})
			Name (_PRT, Package ()
			{
				Package () { 0x0005FFFF, 0, Zero, 20 }
			})
		}

		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 0)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x03F8, 0x03F8, 1, 8)
				Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 4 }
			})
		}
	}
}
