using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Datapath.Events;
using Cilium.Datapath.Kernel;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Datapath.Tests.Events;

public sealed class EventReaderTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task A_ring_that_is_never_empty_keeps_neither_losses_secret_nor_the_reader_running()
    {
        using var obj = DatapathLoader.Open("bpf/lxc.bpf.o", new InProcessEngine());
        foreach (var map in obj.Maps.Where(map => map.Shape.Type is MapType.LruHash or MapType.LpmTrie))
            obj.SetMaxEntries(map.Name, 1024);
        obj.SetMaxEntries("cilium_events", 4096);
        obj.Load();
        using var maps = new DatapathMaps(obj.Map);
        using var program = obj.Program("cil_from_container");
        var flood = new Flood(program);
        using var reader = new EventReader(maps, [flood], new SecondPerLook(), NullLogger.Instance);
        try
        {
            // A packet of a device that is none of the node's is dropped, and that is an event.
            flood.Emit();
            await flood.ToldOfLoss.Task.WaitAsync(s_patience, TestContext.Current.CancellationToken);
            await Task.Run(reader.Dispose, TestContext.Current.CancellationToken).WaitAsync(s_patience, TestContext.Current.CancellationToken);
        }
        finally
        {
            flood.IsOver = true;
        }
    }

    /// <summary>Makes two events out of each that is read, so that the ring is full as long as it is read.</summary>
    private sealed class Flood(BpfProgram program) : IDatapathEventSink
    {
        public TaskCompletionSource ToldOfLoss { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public volatile bool IsOver;

        public void Emit()
        {
            using var packet = new BpfPacket();
            packet.Load(new byte[60]);
            packet.Ifindex = 4711;
            program.Run(packet);
        }

        public void OnEvent(in DatapathEvent datapathEvent, ReadOnlySpan<byte> packet)
        {
            if (!IsOver)
            {
                Emit();
                Emit();
            }
        }

        public void OnLost(ulong count) => ToldOfLoss.TrySetResult();
    }

    /// <summary>A clock on which a second passes between two looks.</summary>
    private sealed class SecondPerLook : TimeProvider
    {
        private long _looks;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Interlocked.Increment(ref _looks);
    }
}
