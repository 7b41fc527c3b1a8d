/* Fuzzes the layout of memory: dataspaces, extents, devices and memory nodes made of bytes.
 * seeds: test/fuzz/uvmm/memory */
#include "uvmm/guest/memory_scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene scene;

	if (scene_run(&scene, data, size) ? scene_fault(&scene) != NULL : !scene.report.error[0])
		abort();
	scene_end(&scene);
	return 0;
}
