using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using static Cilium.DatapathTests.TestObject;

namespace Cilium.DatapathTests;

/// <summary>What only this process knows about storage: who owns it, and what no program may do with it.</summary>
public sealed class StorageOwnerTests
{
    [Fact]
    public void What_is_stored_on_many_sockets_is_given_back_when_they_end()
    {
        using var bench = new StorageBench();
        for (var round = 0; round < 3; round++)
        {
            var sockets = Enumerable.Range(0, 200).Select(_ => bench.Open("one")).ToList();
            sockets.ForEach(socket => socket.Connect(2));
            sockets[0].Connect(12);
            Assert.Equal((200L, 1L), (Usage("by_socket").Entries, Usage("by_group").Entries));
            sockets.ForEach(socket => socket.Dispose());
            Assert.Equal((0L, 1L), (Usage("by_socket").Entries, Usage("by_group").Entries));
        }
        Assert.InRange(Usage("by_socket").Bytes, 1, 200 * 64 * 4);
        bench.RemoveGroup("one");
        Assert.Equal(0, Usage("by_group").Entries);

        InProcessMapUsage Usage(string map) => Assert.Single(bench.Engine.MapUsage(), usage => usage.Name == map);
    }

    [Fact]
    public void A_group_that_nobody_added_does_not_exist_for_programs()
    {
        using var bench = new StorageBench();
        using var socket = bench.Open("one");
        bench.Engine.RemoveCgroup((1UL << 40) + 1);
        socket.Connect(12);
        Assert.Equal(0, Assert.Single(bench.Engine.MapUsage(), usage => usage.Name == "by_group").Entries);
        Assert.Throws<ArgumentOutOfRangeException>(() => bench.Engine.AddCgroup(0));
    }

    [Theory]
    [InlineData(MapType.SkStorage, 4, 16, 1u, MapFlags.NoPreallocation)]
    [InlineData(MapType.SkStorage, 8, 16, 0u, MapFlags.NoPreallocation)]
    [InlineData(MapType.CgrpStorage, 4, 16, 0u, MapFlags.None)]
    [InlineData(MapType.CgrpStorage, 4, 0, 0u, MapFlags.NoPreallocation)]
    [InlineData(MapType.Hash, 4, 4, 0u, MapFlags.None)]
    public void A_storage_of_another_shape_is_refused(MapType type, int key, int value, uint entries, MapFlags flags) =>
        Assert.Equal(22, Assert.Throws<KernelException>(() => BpfMap.Create("storage", new MapShape(type, key, value, entries, flags), new InProcessEngine())).Errno);

    [Fact]
    public void A_function_called_by_name_that_the_engine_lacks_is_an_error_of_the_load_that_names_it()
    {
        using var stream = typeof(StorageTests).Assembly.GetManifestResourceStream("storage.bpf.o")!;
        var elf = new byte[stream.Length];
        stream.ReadExactly(elf);
        var name = "bpf_cgroup_from_id"u8;
        for (var at = elf.AsSpan().IndexOf(name); at >= 0; at = elf.AsSpan().IndexOf(name))
            elf[at + name.Length - 1] = (byte)'x';
        using var obj = BpfObject.Open("storage", elf, new InProcessEngine());
        var error = Assert.Throws<BpfObjectException>(obj.Load);
        Assert.Equal(("cgroup/connect4", "store"), (error.Section, error.Symbol));
        Assert.Contains("bpf_cgroup_from_ix", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(107, 1, "no map"), InlineData(210, 1, "no map"), InlineData(257, -1, "function number 257"), InlineData(256, -1, "function number 256")]
    public void What_is_no_storage_and_no_number_of_a_function_is_refused(int function, int register, string reason)
    {
        foreach (var form in new[] { ExecutionForm.Interpreted, ExecutionForm.Compiled })
        {
            using var obj = BpfObject.Open("faults", Build([Instruction(0xb7, 1), Instruction(0xb7, 2), Instruction(0x85, 0, 0, 0, function), Instruction(0x95)], "cgroup/connect4"),
                new InProcessEngine(new InProcessOptions { Form = form }));
            if (register < 0)
            {
                Assert.Contains(reason, Assert.Throws<BpfObjectException>(obj.Load).Message, StringComparison.Ordinal);
                continue;
            }
            obj.Load();
            using var program = obj.Program(TestObject.Program);
            using var address = new BpfSocketAddress { Family = 2 };
            var fault = Assert.Throws<BpfFaultException>(() => program.Run(address));
            Assert.Equal((2, register), (fault.Instruction, fault.Register));
            Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_socket_of_a_call_is_read_only_and_has_an_end()
    {
        foreach (var form in new[] { ExecutionForm.Interpreted, ExecutionForm.Compiled })
        {
            Assert.Equal(17, Run(form, Instruction(0x79, 2, 1, 64), Instruction(0x61, 0, 2, 12), Instruction(0x95)));
            Assert.Contains("byte 80 of the socket", Faults(form, Instruction(0x79, 2, 1, 64), Instruction(0x71, 0, 2, 80), Instruction(0x95)), StringComparison.Ordinal);
            Assert.Contains("byte 16 of the socket", Faults(form, Instruction(0x79, 2, 1, 64), Instruction(0x62, 2, 0, 16, 1), Instruction(0x95)), StringComparison.Ordinal);
            Assert.Contains("byte 64 of the context", Faults(form, Instruction(0x7b, 1, 1, 64), Instruction(0x95)), StringComparison.Ordinal);
        }

        static string Faults(ExecutionForm form, params ulong[] code) => Assert.Throws<BpfFaultException>(() => Run(form, code)).Message;

        static int Run(ExecutionForm form, params ulong[] code)
        {
            using var obj = BpfObject.Open("socket", Build(code, "cgroup/connect4"), new InProcessEngine(new InProcessOptions { Form = form }));
            obj.Load();
            using var program = obj.Program(TestObject.Program);
            using var address = new BpfSocketAddress { Family = 2, Protocol = 17 };
            return program.Run(address);
        }
    }
}
