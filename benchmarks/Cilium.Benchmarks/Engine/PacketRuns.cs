using System.Diagnostics;
using System.Globalization;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;

namespace Cilium.Benchmarks.Engine;

/// <summary>The way of a packet out of a pod on one engine: nanoseconds and allocated bytes per packet.</summary>
internal static class PacketRuns
{
    /// <summary>A run takes one hop off the packet, which is not reset between repeats.</summary>
    private const int Repeat = 200;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(1);

    public static int Run(string engineName, int runs)
    {
        BpfEngine? engine = engineName switch
        {
            "kernel" => BpfEngine.Kernel,
            "compiled" => new InProcessEngine(new InProcessOptions { Form = ExecutionForm.Compiled }),
            "interpreted" => new InProcessEngine(new InProcessOptions { Form = ExecutionForm.Interpreted }),
            _ => null,
        };
        if (engine is null)
            return 2;
        using var node = new PodNode(engine);
        Measure("pod-to-pod", node.PodToPod, Repeat, runs);
        Measure("pod-to-service", node.PodToService, 1, runs);
        Measure("policy-drop", node.Denied, Repeat, runs);
        if (engine is not InProcessEngine)
            return 0;
        Embedded("pod-to-pod", node.PodToPod);
        Embedded("pod-to-service", node.PodToService);
        Embedded("policy-drop", node.Denied);
        return 0;

        void Measure(string name, byte[] packet, int repeat, int wanted)
        {
            var output = new byte[2048];
            // Until the runtime has recompiled what it found hot.
            for (var begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < s_warmUp; node.DrainEvents())
                _ = node.Program.TestRun(packet, output, repeat: repeat);
            var samples = new uint[Math.Max(wanted / repeat, 50)];
            for (var i = 0; i < samples.Length; i++)
            {
                samples[i] = node.Program.TestRun(packet, output, repeat: repeat).Nanoseconds;
                node.DrainEvents();
            }
            Array.Sort(samples);
            Print($"{name}-ns", samples[samples.Length / 2]);
        }

        // What an embedding program does: load a frame, run, read the outcome.
        void Embedded(string name, byte[] frame)
        {
            using var packet = new BpfPacket();
            for (var begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < s_warmUp; node.DrainEvents())
                Once(packet, frame);
            var samples = new double[Math.Max(runs / Repeat, 50)];
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var sample = 0; sample < samples.Length; sample++)
            {
                var begin = Stopwatch.GetTimestamp();
                for (var i = 0; i < Repeat; i++)
                    Once(packet, frame);
                samples[sample] = Stopwatch.GetElapsedTime(begin).TotalNanoseconds / Repeat;
                node.DrainEvents();
            }
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Array.Sort(samples);
            Print($"{name}-loaded-ns", samples[samples.Length / 2]);
            Print($"{name}-allocated-bytes", (double)allocated / (samples.Length * Repeat));
        }

        void Once(BpfPacket packet, byte[] frame)
        {
            packet.Load(frame);
            packet.Ifindex = PodNode.Device;
            _ = node.Program.Run(packet);
        }
    }

    private static void Print(string name, double value) => Console.WriteLine($"{name} {value.ToString("0.###", CultureInfo.InvariantCulture)}");
}
